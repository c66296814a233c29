/*
 * node-redlock on ioredis, told what to do: usage redlock.js PACKAGE SOCKET,
 * where PACKAGE is redlock4 or redlock5, its two interfaces.
 *
 * Each line of standard input is a call, each gets one line as its answer:
 *
 *	take KEY LEASE_MS WAIT_MS	yes, no		wait 0: one try
 *	free KEY			ok, or the name of the error
 *	extend KEY MS			likewise; a lease of this length
 *	value KEY			what it put there
 *	add KEY COUNTER TIMES		ok: so often one more, each under the
 *					lock
 */
'use strict';

const readline = require('readline');
const Redis = require('ioredis');
const loaded = require(process.argv[2]);

const Redlock = loaded.default || loaded;
const RETRY_MS = 20;
const server = new Redis(process.argv[3]);
const locks = {};

function options(wait_ms) {
	return {
		retryCount: Math.ceil(wait_ms / RETRY_MS),
		retryDelay: RETRY_MS,
		retryJitter: 0
	};
}

/* What each interface says when the lock cannot be had. */
function is_busy(error) {
	return error.name === 'LockError' || error.name === 'ExecutionError';
}

const calls = {
	take: async (key, lease_ms, wait_ms) => {
		const redlock = new Redlock([server], options(Number(wait_ms)));

		try {
			locks[key] = await redlock.acquire([key],
				Number(lease_ms));
			return 'yes';
		} catch (error) {
			if (is_busy(error))
				return 'no';
			throw error;
		}
	},
	free: async (key) => {
		const lock = locks[key];

		await (lock.release || lock.unlock).call(lock);
		return 'ok';
	},
	extend: async (key, ms) => {
		locks[key] = await locks[key].extend(Number(ms));
		return 'ok';
	},
	value: async (key) => locks[key].value,
	add: async (key, counter, times) => {
		for (let i = 0; i < Number(times); i++) {
			if (await calls.take(key, 20000, 20000) !== 'yes')
				return 'no';
			await server.set(counter,
				Number(await server.get(counter)) + 1);
			await calls.free(key);
		}
		return 'ok';
	}
};

async function answer(line) {
	const [name, ...args] = line.split(' ');

	try {
		return await calls[name](...args);
	} catch (error) {
		return error.name;
	}
}

async function main() {
	await server.ping();
	console.log('ready');
	for await (const line of readline.createInterface(process.stdin))
		console.log(await answer(line));
	server.disconnect();
}

main();
