// Runs before anything is drawn: the colours that were chosen on an earlier visit.

try {
  const theme = localStorage.getItem('fillstream.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;
} catch {
  // Storage is forbidden here: the system's colours.
}
