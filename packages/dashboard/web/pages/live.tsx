// Signals as they come, filtered.

import { computed } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { filterOf, partsOf, queryOf } from '../../src/model/filter.ts';
import { LiveList } from '../live-list.ts';
import { FilterBar } from '../parts/filter-bar.tsx';
import { Figures, HoldBar, ListState } from '../parts/list-parts.tsx';
import { SignalGrid } from '../parts/signal-grid.tsx';
import { Welcome } from '../parts/welcome.tsx';
import { query, setQuery, showsWelcome, token } from '../state.ts';

const filter = computed(() => filterOf(query.value));

export function LivePage() {
  const list = useLiveList();
  return (
    <div class="page live-page">
      <h1 class="unseen" tabIndex={-1}>Live signals</h1>
      {showsWelcome.value ? <Welcome newest={list.tape.at(0)?.signal} /> : null}
      <FilterBar filter={filter.value} />
      <div class="bar">
        <Figures list={list} />
        <HoldBar list={list} />
      </div>
      <SignalGrid list={list} label="Signals, the newest first" />
      <ListState list={list} isFiltered={partsOf(filter.value) > 0} onClear={() => setQuery(new URLSearchParams())} />
    </div>
  );
}

/** Another one for another filter or token; the former one is shown until that has something to show. */
function useLiveList(): LiveList {
  const key = queryOf(filter.value).toString();
  const given = token.value;
  const list = useMemo(() => new LiveList(filter.value), [key, given]);
  useEffect(() => {
    list.start();
    return () => list.stop();
  }, [list]);
  const shown = useRef(list);
  if (list.hasBegun.value) shown.current = list;
  return shown.current;
}
