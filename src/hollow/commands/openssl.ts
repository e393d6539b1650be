import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dotted, elements } from '../../pki/der.js';
import { NotKnownError, readOptions, type Answer, type Call } from './command.js';
import { readServerHello, type ServerHello } from './tls-hello.js';

/** `openssl s_client`, `pkey -pubout`, `verify -CAfile`: what is asked of a machine's openssl. */
export async function openssl(call: Call): Promise<Answer> {
  const [subcommand = '', ...args] = call.args;
  const known: Readonly<Record<string, (args: readonly string[], call: Call) => Promise<Answer> | Answer>> = {
    s_client: connect,
    pkey: publicKey,
    verify,
  };
  const run = known[subcommand];
  if (!run)
    throw new NotKnownError(`openssl: ${subcommand} is not known (asked: openssl ${call.args.join(' ')})`);
  return run(args, call);
}

async function connect(args: readonly string[], { node }: Call): Promise<Answer> {
  const { values } = readOptions('openssl s_client', args, {
    flags: ['-showcerts'],
    values: ['-connect', '-nameopt'],
  });
  const [host = '', port = ''] = (values.get('-connect')?.[0] ?? '').split(':');
  try {
    const hello = await readServerHello(await node.dial(host, Number(port)), host);
    return { code: 0, out: shown(hello) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const refused = code === undefined ? '' : `connect:errno=${code}\n`;
    return { code: 1, err: `0000:error:00000000:tls:connect:${message}:\n${refused}` };
  }
}

function shown({ chain, authorities }: ServerHello): string {
  const certificates = chain.map((der) => new X509Certificate(der).toString().trimEnd());
  const names = authorities?.map(distinguishedName) ?? [];
  return [
    'CONNECTED(00000003)',
    '---',
    'Certificate chain',
    ...certificates,
    '---',
    ...(names.length === 0
      ? ['No client certificate CA names sent']
      : [
          'Acceptable client certificate CA names',
          ...names,
          'Client Certificate Types: ECDSA sign, RSA sign',
        ]),
    '---',
    '',
  ].join('\n');
}

const attributes: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
};

/** As RFC 2253 writes it: the last part first. */
function distinguishedName(der: Buffer): string {
  const relative = elements(elements(der)[0]?.content ?? Buffer.alloc(0));
  return relative
    .map(({ content }) =>
      elements(content)
        .map(({ content: attribute }) => attributeText(attribute))
        .join('+'),
    )
    .reverse()
    .join(',');
}

function attributeText(attribute: Buffer): string {
  const [type, value] = elements(attribute);
  const oid = dotted(type?.content ?? Buffer.alloc(0));
  const text = (value?.content ?? Buffer.alloc(0)).toString('utf8').replace(/[,+"\\<>;]/g, '\\$&');
  return `${attributes[oid] ?? oid}=${text}`;
}

function publicKey(args: readonly string[]): Answer {
  const { values } = readOptions('openssl pkey', args, { flags: ['-pubout'], values: ['-in', '-outform'] });
  const pem = readFileSync(values.get('-in')?.[0] ?? '', 'utf8');
  try {
    const key = createPublicKey(pem);
    const der = values.get('-outform')?.[0] === 'DER';
    return {
      code: 0,
      out: der ? key.export({ type: 'spki', format: 'der' }) : key.export({ type: 'spki', format: 'pem' }),
    };
  } catch {
    // Nothing of the file may stand in the message.
    return { code: 1, err: 'Could not read key from the file\n' };
  }
}

/** Signed by one CA of the file, and valid now. */
function verify(args: readonly string[]): Answer {
  const { values, rest } = readOptions('openssl verify', args, { values: ['-CAfile'] });
  const authorities = certificatesIn(values.get('-CAfile')?.[0] ?? '');
  const [file = ''] = rest;
  const [certificate] = certificatesIn(file);
  const now = Date.now();
  const valid =
    certificate && Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
  const signed = authorities.some(
    (ca) => certificate?.checkIssued(ca) === true && certificate.verify(ca.publicKey),
  );
  if (valid && signed) return { code: 0, out: `${file}: OK\n` };
  return { code: 2, err: `error ${file}: verification failed\n` };
}

function certificatesIn(file: string): X509Certificate[] {
  const found =
    readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return found.map((pem) => new X509Certificate(pem));
}
