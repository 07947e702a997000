// Modules that aren't the product's own and whose twins take their place: by specifier, the address of the twin.

export const SUBSTITUTES: ReadonlyMap<string, string> = new Map([['ws', new URL('ws.ts', import.meta.url).href]]);
