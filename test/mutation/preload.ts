// Loaded before each test file while mutants are tried: properties are the same in every run, and a failure needn't be made smaller.

import fc from 'fast-check';

fc.configureGlobal({ seed: 20_251_009, endOnFailure: true });
