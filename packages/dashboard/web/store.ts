// What is remembered on this machine: in the browser for good, or for as long as the tab is open. Where storage is forbidden,
// until the page is left.

export type Store = { readonly read: (name: string) => string | null; readonly write: (name: string, value: string | null) => void };

function storeIn(open: () => Storage): Store {
  const fallback = new Map<string, string>();
  return {
    read: (name) => {
      try {
        return open().getItem(`fillstream.${name}`);
      } catch {
        return fallback.get(name) ?? null;
      }
    },
    write: (name, value) => {
      try {
        if (value === null) open().removeItem(`fillstream.${name}`);
        else open().setItem(`fillstream.${name}`, value);
      } catch {
        if (value === null) fallback.delete(name);
        else fallback.set(name, value);
      }
    },
  };
}

export const kept: Store = storeIn(() => localStorage);
/** The token is only ever here. */
export const forThisTab: Store = storeIn(() => sessionStorage);
