// A client that asks ten times over each of a gateway's limits, all the time, from an address of its own. Told to end, it says
// what it asked for and what of it was refused, as JSON.
//
//   node gateway-greedy.ts URL LOCAL_ADDRESS
//
// Of: connections, subscriptions of a connection, messages a minute, requests a minute and at once, and the size of a message.

import { Agent, request } from 'node:http';
import { setInterval as every } from 'node:timers/promises';
import { DEFAULT_LIMITS } from '@fillstream/gateway/http/limits';
import { WebSocket } from 'ws';

const TIMES = 10;
const [url = '', localAddress = ''] = process.argv.slice(2);
const { connectionsPerIp, subscriptionsPerConnection, messagesPerMinute, requestsPerMinute, requestsAtOncePerIp, payloadBytes } =
  DEFAULT_LIMITS;
const STEP_MS = 100;
const STEPS_A_MINUTE = 60_000 / STEP_MS;
/** Who was refused or closed comes back after this. */
const AGAIN_MS = 5_000;
const LARGE_EVERY_STEPS = 50;
const BURST_EVERY_STEPS = 100;

const told = {
  connections: 0,
  connectionsRefused: 0,
  messages: 0,
  messagesRefused: 0,
  requests: 0,
  requestsRefused: 0,
  large: 0,
  closed: 0,
};
const open = new Set<WebSocket>();
const agent = new Agent({ keepAlive: true, maxSockets: TIMES * requestsAtOncePerIp, localAddress });

function connect(): void {
  told.connections += 1;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, 'fillstream.v1', { localAddress });
  let isRefused = true;
  socket.on('open', () => {
    isRefused = false;
    open.add(socket);
  });
  socket.on('message', (data: Buffer) => {
    if (data.toString('latin1', 0, 15).startsWith('{"type":"error"')) told.messagesRefused += 1;
  });
  socket.on('error', () => undefined); // What it means is told by `close`.
  socket.on('close', () => {
    open.delete(socket);
    if (isRefused) told.connectionsRefused += 1;
    else told.closed += 1;
    setTimeout(connect, AGAIN_MS);
  });
}

function ask(): void {
  told.requests += 1;
  const asked = request(`${url}/v1/signals?limit=1`, { agent }, (answer) => {
    if (answer.statusCode !== 200) told.requestsRefused += 1;
    answer.resume();
  });
  asked.on('error', () => (told.requestsRefused += 1));
  asked.end();
}

/** Of each connection ten times as many subscriptions as it may have, one after the other. */
function send(count: number): void {
  const sockets = [...open];
  for (let place = 0; place < count && sockets.length > 0; place += 1) {
    const id = `greedy-${String(told.messages % (TIMES * subscriptionsPerConnection))}`;
    sockets[told.messages % sockets.length]?.send(
      JSON.stringify({ type: 'subscribe', id, from: 'latest', filter: { addresses: [`0x${'9'.repeat(40)}`] } }),
    );
    told.messages += 1;
  }
}

process.once('SIGTERM', () => {
  console.log(JSON.stringify(told));
  process.exit(0);
});
for (let place = 0; place < TIMES * connectionsPerIp; place += 1) connect();
for await (const step of steps()) {
  send((TIMES * messagesPerMinute) / STEPS_A_MINUTE);
  for (let place = 0; place < (TIMES * requestsPerMinute) / STEPS_A_MINUTE; place += 1) ask();
  if (step % BURST_EVERY_STEPS === 0) for (let place = 0; place < TIMES * requestsAtOncePerIp; place += 1) ask();
  if (step % LARGE_EVERY_STEPS !== 0) continue;
  told.large += 1;
  [...open][0]?.send('x'.repeat(TIMES * payloadBytes));
}

async function* steps(): AsyncIterable<number> {
  let step = 0;
  for await (const _ of every(STEP_MS)) yield (step += 1);
}
