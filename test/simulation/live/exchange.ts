// The fake exchange's desk on the simulated network: the real protocol, limits and faults, its market moved by simulated time.
//
// X1  The market goes on by events of its own: one for each moment at which something is to be sent, and none without.

import { Desk } from '@fillstream/simulator/desk';
import type { Simulation } from '../simulation.ts';
import type { SimProcess } from '../process.ts';
import { EPOCH } from '../time.ts';
import type { HttpRequest, Knock, Listener, Network, Wire } from './network.ts';
import type { LivePlan } from './ports.ts';
import { WebSocket } from './ws.ts';

export const EXCHANGE = 'exchange';
const ACCOUNT_EVERY_MS = 10_000;

export class SimExchange {
  readonly desk: Desk;
  readonly #simulation: Simulation;
  readonly #process: SimProcess;
  #isShut = false;

  constructor(simulation: Simulation, network: Network, plan: LivePlan) {
    this.#simulation = simulation;
    this.#process = simulation.process(EXCHANGE);
    this.desk = new Desk({
      seed: plan.seed, addresses: plan.addresses, ordersPerSecond: plan.ordersPerSecond, scale: plan.scale, accountEveryMs: ACCOUNT_EVERY_MS,
      now: () => EPOCH + Math.floor(simulation.time.now),
    }, { shut: () => (this.#isShut = true), open: () => (this.#isShut = false) });
    const listener: Listener = { process: this.#process, onKnock: (knock) => this.#meet(knock), onRequest: (request) => this.#answer(request) };
    network.listen(EXCHANGE, () => (this.#isShut ? null : listener));
    this.#pace();
  }

  get endpoint(): { readonly ws: string; readonly info: string } {
    return { ws: `ws://${EXCHANGE}/ws`, info: `http://${EXCHANGE}/info` };
  }

  /** Runs code as the exchange: what its faults begin is timed there. */
  act<T>(what: (desk: Desk) => T): T {
    return this.#process.enter(() => what(this.desk));
  }

  /** Ends all connections; the market has to have been halted. */
  close(): void {
    this.act((desk) => {
      desk.clearFaults();
      desk.terminateAll();
    });
    this.#process.crash();
  }

  /** X1. */
  #pace(): void {
    const { nextAt } = this.desk;
    if (nextAt === Infinity) return;
    this.#process.deliver(Math.max(1, nextAt - EPOCH - this.#simulation.time.now), () => {
      this.desk.catchUp();
      this.#pace();
    });
  }

  #meet({ wire, path }: Knock): void {
    const ip = wire.client.name;
    if (path !== '/ws') {
      refuse(wire, 404);
      return;
    }
    const welcome = this.desk.welcome(ip);
    if (welcome.kind === 'refused') refuse(wire, welcome.status);
    if (welcome.kind !== 'admitted') return;
    const socket = new WebSocket('ws://exchange/ws', [], wire);
    this.desk.open(ip, socket, {
      get isDead() {
        return wire.isDead;
      },
      die: () => wire.die(),
      slowDown: (bytesPerSecond) => wire.slowDown(bytesPerSecond),
      cut: (how) => wire.cut(how === 'reset' ? 'reset' : 'fin'),
    });
  }

  #answer({ path, body, from, respond }: HttpRequest): () => void {
    if (path !== '/info') {
      respond({ status: 404, text: '', isCut: false });
      return () => undefined;
    }
    return this.desk.answer(body, from.name, ({ kind, status, text }) => {
      this.#simulation.trace(`${from.name} asked ${body}: ${status}`);
      respond({ status, text, isCut: kind === 'cut' });
    });
  }
}

function refuse(wire: Wire, status: number): void {
  wire.down.send({ kind: 'refused', status }, 100);
  wire.down.end('fin');
}
