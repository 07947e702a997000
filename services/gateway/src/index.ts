export { Gateway, GatewayRefused, type GatewayOptions } from './gateway.ts';
export type { Tls } from './http/app.ts';
export type { Asset, Assets } from './http/assets.ts';
export type { AuditEntry } from './http/audit.ts';
export { DEFAULT_LIMITS, type Limits } from './http/limits.ts';
export type { Verdict } from './http/standing.ts';
export type { GatewayPorts, OrderLives, SignalBatch, SignalRecord, SignalSource } from './ports.ts';
