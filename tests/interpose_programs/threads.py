"""Threads, queues, conditions and processes of Python."""
import hashlib
import multiprocessing
import queue
import subprocess
import threading

tasks = queue.Queue(10)
done = []
lock = threading.Lock()


def produce():
    for i in range(200):
        tasks.put(i)
    for _ in range(4):
        tasks.put(None)


def consume():
    for i in iter(tasks.get, None):
        with lock:
            done.append((i, hashlib.sha256(str(i).encode()).hexdigest()))


def count(value):
    for _ in range(50):
        with value.get_lock():
            value.value += 1


if __name__ == '__main__':
    threads = [threading.Thread(target=produce)]
    threads += [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(done), hashlib.sha256(str(sorted(done)).encode()).hexdigest())
    condition = threading.Condition()
    with condition:
        print(condition.wait(0.01))
    print(subprocess.run(['echo', 'child'], capture_output=True).stdout)
    value = multiprocessing.Value('i', 0)
    workers = [multiprocessing.Process(target=count, args=(value,))
               for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(value.value)
