// One gateway of a simulation: the production feed, its read model and the production streams in front of it, in a process that ends
// and comes back.
//
//   down ──start──▶ up ──crash | stop | its feed fails──▶ down
//
// M1  A read model in a file outlives its process, as far as its transactions went; one in memory doesn't.
// M2  What is broken off as a process ends (signal-source.ts, O2) is nobody's trouble.

import { SignalFeed } from '@fillstream/gateway/feed/feed';
import { Connections } from '@fillstream/gateway/http/connections';
import { DEFAULT_LIMITS, MinuteCounter, type Limits } from '@fillstream/gateway/http/limits';
import { Standing } from '@fillstream/gateway/http/standing';
import { WsStream, type WsEdge } from '@fillstream/gateway/http/ws-stream';
import type { SimProcess } from '../process.ts';
import type { Knock, Listener } from './network.ts';
import { SimSignalSource } from './signal-source.ts';
import type { World } from './world.ts';
import { WebSocket } from './ws.ts';

export type SimGatewayOptions = {
  readonly world: World;
  readonly name: string;
  /** Of the read model; `:memory:` keeps none. */
  readonly file: string;
  readonly limits: Partial<Limits>;
};

type Served = { readonly feed: SignalFeed; readonly standing: Standing; readonly connections: Connections };
type Running = { readonly process: SimProcess; readonly listener: Listener; readonly connections: Connections; readonly stop: AbortController };

const RESTART_MS = 500;
const PATH = '/v1/ws';

export class SimGateway {
  readonly #options: SimGatewayOptions;
  readonly #limits: Limits;
  #process: SimProcess | null = null;
  #running: Running | null = null;
  #isHeldDown: boolean | 'for good' = false;

  constructor(options: SimGatewayOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  get process(): SimProcess | null {
    return this.#process;
  }

  /** null before it has opened its read model. */
  get listener(): Listener | null {
    return this.#running?.listener ?? null;
  }

  start(): void {
    if (this.#process !== null || this.#isHeldDown === 'for good') return;
    const process = this.#options.world.simulation.process(this.#options.name);
    this.#process = process;
    process.onEnd(() => this.#ended());
    process.enter(() => {
      this.#live(process).catch((error: unknown) => {
        if (process.life === 'gone') return;
        this.#options.world.simulation.problem(`broken: ${process.name} ended: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
        process.crash();
      });
    });
  }

  crash(downMs: number): void {
    this.#holdDown(downMs);
    this.#process?.crash();
  }

  /** In order: streams are told, then the feed stops. */
  stop(downMs: number | 'for good'): void {
    this.#holdDown(downMs);
    const running = this.#running;
    if (running === null) this.#process?.crash();
    else running.process.deliver(0, () => {
      running.connections.endAll();
      running.stop.abort();
    });
  }

  async #live(process: SimProcess): Promise<void> {
    const { world: { simulation }, file } = this.#options;
    const source = new SimSignalSource(simulation, process);
    const feed = await SignalFeed.open({ source, file, onTrouble: (text) => this.#trouble(process, text) });
    const connections = new Connections(this.#limits, { onAudit: () => undefined, onEnd: (why) => simulation.count(`gateway: stream ended, ${why}`) });
    const standing = new Standing(feed, {
      source, life: async () => await Promise.resolve(null), quarantine: async () => await Promise.resolve({ records: [] }),
      status: async () => await Promise.resolve({ partitions: [], pending: null, quarantined: null }),
    }, (text) => this.#trouble(process, text));
    const listener: Listener = { process, onKnock: this.#doorOf(process, { feed, standing, connections }) };
    const stop = new AbortController();
    this.#running = { process, listener, connections, stop };
    standing.begin();
    await feed.run(stop.signal);
    standing.end();
    process.crash(); // It has nothing more to do.
  }

  #doorOf(process: SimProcess, { feed, standing, connections }: Served): (knock: Knock) => void {
    const { world: { simulation } } = this.#options;
    const edge: WsEdge = {
      feed, standing, limits: this.#limits,
      onTrouble: (text) => {
        if (process.life !== 'gone') simulation.problem(`broken: ${process.name}: ${text}`); // M2
      },
      metrics: { noteDelivery: () => undefined, noteBehind: () => simulation.count('gateway: client behind') },
      refusals: { note: ({ reason }) => simulation.count(`gateway: refused, ${reason}`) },
    };
    const { messagesPerMinute } = this.#limits;
    const messages = { ofIp: new MinuteCounter(messagesPerMinute), ofToken: new MinuteCounter(messagesPerMinute) };
    return ({ wire, path }) => {
      const ip = wire.client.name;
      if (path !== PATH) throw new Error(`expected the path ${PATH}, got ${path}`);
      const visitor = { ip, ipKey: ip, tokenId: null, route: PATH };
      const ws = new WebSocket(`ws://gateway${PATH}`, [], wire);
      new WsStream({ edge, messages, ws, caller: { kind: 'anyone' }, visitor, place: connections.admit({ ...visitor, transport: 'ws' }) });
    };
  }

  #trouble(process: SimProcess, text: string): void {
    if (process.life === 'gone') return; // M2
    this.#options.world.simulation.count(`gateway: ${text.split(':')[0] ?? ''}`);
    this.#options.world.simulation.trace(`${this.#options.name}: ${text}`);
  }

  #holdDown(downMs: number | 'for good'): void {
    if (this.#isHeldDown === 'for good') return;
    this.#isHeldDown = downMs === 'for good' ? downMs : true;
    if (downMs === 'for good') return;
    this.#options.world.simulation.time.after(downMs, () => {
      if (this.#isHeldDown === 'for good') return;
      this.#isHeldDown = false;
      this.start();
    });
  }

  #ended(): void {
    [this.#process, this.#running] = [null, null];
    if (this.#isHeldDown === false) this.#options.world.simulation.time.after(RESTART_MS, () => this.start());
  }
}
