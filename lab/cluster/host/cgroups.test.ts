import { describe, expect, it } from 'vitest';
import { hierarchiesIn, LabCgroups } from './cgroups.js';

const hybrid = `proc /proc proc rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/freezer cgroup rw,relatime,freezer 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`;
const pure = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime 0 0\n';

describe('hierarchiesIn', () => {
  it('reads controllers, not mount options', () => {
    expect(hierarchiesIn(hybrid).map((each) => each.controllers)).toEqual([
      ...[['memory'], ['cpu', 'cpuacct'], ['freezer'], ['name=systemd'], []],
    ]);
  });

  it('tells version 1, also beside a version 2 without controllers, from pure version 2', () => {
    expect(new LabCgroups('lab', hierarchiesIn(hybrid)).isVersion1).toBe(true);
    expect(new LabCgroups('lab', hierarchiesIn(pure)).isVersion1).toBe(false);
  });
});

it('has a folder for a node in every hierarchy, below one named after the lab', () => {
  const cgroups = new LabCgroups('keyroll-lab', hierarchiesIn(hybrid));
  expect(cgroups.foldersOf('k8s-master-0')[1]).toBe('/sys/fs/cgroup/cpu,cpuacct/keyroll-lab/k8s-master-0');
  expect(cgroups.foldersOf('k8s-master-0')).toHaveLength(5);
});
