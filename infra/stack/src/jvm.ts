// What a JVM is told that lives for seconds or minutes, not days: one collector without threads of its own, and only the first of
// two compilers, as what the second one makes of hot code isn't earned back. It is ready in half the time.

export const SHORT_LIFE: readonly string[] = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
