import type { Handshake } from '../model/inventory.js';
import { parseCertificate } from '../pki/index.js';

/** Reads what `handshake.sh` printed: one handshake for each target. */
export function parseHandshakes(output: string): Handshake[] {
  return output
    .split(/^== /m)
    .slice(1)
    .map((section) => parseSection(section));
}

function parseSection(section: string): Handshake {
  const [target = '', ...lines] = section.split('\n');
  const chain = section.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const error = lines.find((line) => line.includes('errno') || line.includes(':error:'));
  const shown = {
    target: target.trim(),
    chain: chain.map((pem) => `${pem}\n`),
    acceptedCas: acceptedCas(lines),
  };
  return chain.length === 0 ? { ...shown, error: error ?? 'no answer' } : shown;
}

function acceptedCas(lines: readonly string[]): string[] {
  const from = lines.findIndex((line) => line.startsWith('Acceptable client certificate CA names'));
  if (from < 0) return [];
  const names = lines.slice(from + 1);
  const to = names.findIndex((line) => !/^[A-Za-z0-9.]+ ?=/.test(line));
  return names.slice(0, to < 0 ? undefined : to).map((line) => line.trim());
}

/** The running server accepts clients of this CA (PEM). Names are compared part by part, whatever their order and blanks. */
export function namesCa(shown: Handshake, caPem: string): boolean {
  const wanted = normal(parseCertificate(caPem, 'CA').subject);
  return shown.acceptedCas.some((name) => normal(name) === wanted);
}

function normal(name: string): string {
  return name
    .split(/,\s*(?=[A-Za-z0-9.]+ ?=)/)
    .map((part) => part.replace(/\s*=\s*/, '=').trim())
    .sort()
    .join(',');
}
