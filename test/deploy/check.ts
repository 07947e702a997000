// `npm run check:deploy`: the tests of what is deployed, with the tools that take minutes to build (once).

process.env['CHECK_DEPLOY'] = '1';
process.argv.push('test/deploy');
await import('../run.ts');
