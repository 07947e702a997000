/** A stored record; `arrival` orders the records of all topics. */
export type Row = { readonly offset: number; readonly arrival: number; readonly body: Uint8Array };
