// `POST /info`: limits first, then the answer, or what a fault makes of it.
//
// R1  A request refused by a fault uses no weight, and is no violation.

import type { Faults, Rule } from './faults.ts';
import type { World } from './info.ts';
import { answerTo, emptied } from './info.ts';
import { addressOf, isObject, parsed } from './json.ts';
import type { Gauge } from './limits.ts';

/** `cut`: the connection ends in the middle of the text. */
export type Reply = { readonly kind: 'whole' | 'cut'; readonly status: number; readonly text: string };

/** Called once, or never. */
export type Respond = (reply: Reply) => void;

export type RestWorld = {
  /** of who asks */
  readonly gauge: Gauge;
  readonly faults: Faults;
  /** the world as it is now */
  readonly world: () => World;
};

/** Gives what to call when the answer isn't wanted any more. */
export function answerInfo(text: string, ip: string, respond: Respond, rest: RestWorld): () => void {
  const request = parsed(text);
  const user = isObject(request) ? addressOf(request['user']) : null;
  const type = isObject(request) ? request['type'] : undefined;
  const rule = rest.faults.take(['request'], {
    ip, addresses: user === null ? [] : [user], ...(typeof type === 'string' ? { request: type } : {}),
  });
  if (rule?.kind === 'rest-429') respond(whole(429, 'null'));
  else if (rule?.kind === 'rest-500') respond(whole(500, 'Internal Server Error'));
  else if (rule?.kind !== 'rest-hang') respond(answered(request, rest, rule));
  else if (rule.options.forMs !== undefined) {
    const timer = setTimeout(() => respond(answered(request, rest, null)), rule.options.forMs);
    return () => clearTimeout(timer);
  }
  return () => undefined;
}

function answered(request: unknown, rest: RestWorld, rule: Rule | null): Reply {
  const answer = answerTo(request, rest.world());
  const { status, body, weight } = rule?.kind === 'rest-empty' ? emptied(answer) : answer;
  if (!rest.gauge.weigh(weight)) return whole(429, 'null');
  const text = status === 200 ? JSON.stringify(body) : String(body);
  return rule === null ? whole(status, text) : spoilt(rule, text);
}

function spoilt(rule: Rule, text: string): Reply {
  switch (rule.kind) {
    case 'rest-truncated':
      return rule.how === 'text' ? whole(200, text.slice(0, Math.ceil(text.length / 2))) : { kind: 'cut', status: 200, text };
    case 'rest-invalid':
      if (rule.how === 'html') return whole(200, '<html><body><h1>Bad gateway</h1></body></html>');
      return whole(200, text.startsWith('[') ? '{"fills":null,"status":7}' : '[null,"order",[]]');
    default:
      return whole(200, '[]');
  }
}

function whole(status: number, text: string): Reply {
  return { kind: 'whole', status, text };
}
