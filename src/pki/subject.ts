import { element, elements, oid, sequence, Tag } from './der.js';

const COMMON_NAME = oid('2.5.4.3');
const ORGANIZATION = oid('2.5.4.10');

/**
 * A Name with its last common name replaced and every other attribute's bytes kept; the common name is
 * added at the end when there is none.
 */
export function withCommonName(name: Uint8Array, commonName: string): Buffer {
  const relativeNames = elements(contentOf(name)).map(({ content }) =>
    elements(content).map(({ whole }) => whole),
  );
  const replacement = attribute(COMMON_NAME, commonName);
  const index = relativeNames.findLastIndex((attributes) => attributes.some(isCommonName));
  const renamed = relativeNames.map((attributes, at) =>
    at === index ? attributes.map((old) => (isCommonName(old) ? replacement : old)) : attributes,
  );
  return sequence(...[...renamed, ...(index < 0 ? [[replacement]] : [])].map(relativeName));
}

/** A Name of an organization and a common name, in the order in which Go writes them. */
export function newName(commonName: string, organization?: string): Buffer {
  const attributes = [
    ...(organization === undefined ? [] : [attribute(ORGANIZATION, organization)]),
    attribute(COMMON_NAME, commonName),
  ];
  return sequence(...attributes.map((one) => relativeName([one])));
}

const attribute = (type: Buffer, value: string): Buffer =>
  sequence(type, element(Tag.utf8String, Buffer.from(value, 'utf8')));

/** DER wants the members of a SET in the order of their encodings. */
const relativeName = (attributes: readonly Buffer[]): Buffer =>
  element(Tag.set, ...attributes.toSorted((a, b) => Buffer.compare(a, b)));

const isCommonName = (one: Buffer): boolean =>
  elements(contentOf(one))[0]?.whole.equals(COMMON_NAME) ?? false;

const contentOf = (bytes: Uint8Array): Buffer => elements(bytes)[0]?.content ?? Buffer.alloc(0);
