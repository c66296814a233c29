/*
 * node-redlock on ioredis, with its defaults but for the number of tries: see
 * party.c. usage: redlock.js SOCKET
 */
'use strict';

const fs = require('fs');
const readline = require('readline');
const Redis = require('ioredis');
const loaded = require('redlock5');

const Redlock = loaded.default || loaded;
const server = new Redis(process.argv[2]);
const redlock = new Redlock([server], { retryCount: -1 });

async function hold(times) {
	const lock = await redlock.acquire(['redlock'], 10000);

	times.push(process.hrtime.bigint());
	times.push(process.hrtime.bigint());
	await lock.release();
}

async function main() {
	await hold([]);
	console.log('ready');
	for await (const line of readline.createInterface(process.stdin)) {
		const [end, path] = line.split(' ');
		const times = [];

		while (process.hrtime.bigint() < BigInt(end))
			await hold(times);
		times.unshift(BigInt(times.length / 2));
		fs.writeFileSync(path, Buffer.from(
			BigInt64Array.from(times).buffer));
		console.log('done');
	}
	server.disconnect();
}

main();
