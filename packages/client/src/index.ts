// @fillstream/client: signals from a gateway, typed, resumed, each revision once. Node and browsers, standard globals only.

export { GatewayClient, type AddressQuery, type ClientOptions, type RequestOptions, type SignalQuery } from './rest.ts';
export { DEFAULT_REMEMBERED } from './seen.ts';
export { GatewayError } from './errors.ts';
export { WebhookError, verifyWebhook, type WebhookErrorCode, type WebhookHeaders, type WebhookRequest } from './webhook.ts';
export * as decimal from './decimal.ts';
export { delta, isNewer, type Delta } from './delta.ts';
export type { Delivery } from './handout.ts';
export type * from './protocol.ts';
export { CLOSE, SUBPROTOCOL, TOKEN_SUBPROTOCOL } from './protocol.ts';
export { subscribe, type Reconnect, type SubscribeOptions, type Subscription, type SubscriptionState } from './subscribe.ts';
