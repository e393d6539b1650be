import { describe, expect, it } from 'vitest';
import { chooseMirror, parseArchives } from './mirror.js';

const printed = `'http://mirror.example/debian-security/dists/trixie-security/InRelease' mirror.example_x_InRelease 0
'http://mirror.example/debian/dists/trixie-updates/InRelease' mirror.example_y_InRelease 0
'https://mirror.example/debian//dists/trixie/InRelease' mirror.example_z_InRelease 0
'http://mirror.example/debian/dists/trixie/main/binary-amd64/Packages.xz' mirror.example_Packages 0
'https://other.example/tools/dists/stable-tools/InRelease' other 0
`;

describe('chooseMirror', () => {
  it('takes the archive with a whole release, not updates, security or another project', () => {
    expect(chooseMirror(parseArchives(printed))).toBe('https://mirror.example/debian');
  });

  it('finds none where only others are set up', () => {
    expect(
      chooseMirror(parseArchives("'http://a.example/ubuntu/dists/noble/InRelease' a 0\n")),
    ).toBeUndefined();
    expect(chooseMirror(parseArchives(''))).toBeUndefined();
  });
});
