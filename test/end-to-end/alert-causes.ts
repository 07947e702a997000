// Which alerts are made to fire by which test file: together all that the rules have, each once.

export const CAUSED = {
  /** alerts.test.ts: of ingestors and processors, and of what they stand on. */
  processing: [
    'FillstreamDown', 'FillstreamNoProcessor', 'FillstreamNoIngestor', 'FillstreamPartitionsUnowned', 'FillstreamRestarting', 'FillstreamEventLoopBlocked',
    'FillstreamNoProgress', 'FillstreamLagging', 'FillstreamLagNearRetention', 'FillstreamLsoStuck', 'FillstreamKafkaErrors',
    'FillstreamRebuilding', 'FillstreamStateLost', 'FillstreamInterruptions', 'FillstreamRebalancing', 'FillstreamRedisEvictions', 'FillstreamRedisMemory', 'FillstreamRedisErrors',
    'FillstreamQuarantine', 'FillstreamOrphanedStatuses', 'FillstreamNoTicks', 'FillstreamLatencyHigh',
    'FillstreamGap', 'FillstreamAddressesUnwatched', 'FillstreamAddressesNotLive', 'FillstreamReconnecting', 'FillstreamSpilling', 'FillstreamSpillFull',
  ],
  /** alerts-serving.test.ts: of gateways and webhooks, and of an ingestor at the exchange's limits. */
  serving: [
    'FillstreamNoGateway', 'FillstreamGatewayNotReady', 'FillstreamGatewayStalled', 'FillstreamGatewaySlow', 'FillstreamGatewayFailing', 'FillstreamGatewayRefusals',
    'FillstreamGatewayFull', 'FillstreamNoWebhooks', 'FillstreamWebhookBroken', 'FillstreamWebhookUndelivered', 'FillstreamWebhookBehind', 'FillstreamExchangeLimited',
  ],
} as const satisfies Record<string, readonly string[]>;
