import type { Finding } from '../../event/index.ts'

export interface Mount {
  /** Where it is mounted. */
  readonly at: string
  readonly type: string
}

/** The mount that holds `folder` (an absolute path without links), from the text of `/proc/self/mountinfo`. */
export function mountOf(folder: string, mountinfo: string): Mount | undefined {
  let best: Mount | undefined
  for (const line of mountinfo.split('\n')) {
    const mount = parseMount(line)
    if (mount === undefined || !isBelow(folder, mount.at)) continue
    // Of two at one place the later line covers the earlier one.
    if (best === undefined || mount.at.length >= best.at.length) best = mount
  }
  return best
}

/** Whether a log may live on a file system of this type. */
export function fileSystemFinding(folder: string, mount: Mount | undefined): Finding {
  const check = 'file system'
  if (mount === undefined) return { check, status: 'ok', found: `${folder}: this system does not say which` }
  const found = `${folder} is on ${mount.type}, mounted at ${mount.at}`
  const reason = refused.find(({ types }) => types.test(mount.type))?.reason
  if (reason !== undefined) {
    return {
      check,
      status: 'fail',
      found: `${found}: ${reason}`,
      advice: 'Put the data folder on a local disk (ext4, xfs, a volume of the container).',
    }
  }
  if (mount.type === 'tmpfs' || mount.type === 'ramfs') {
    return {
      check,
      status: 'warn',
      found: `${found}: memory, empty after a restart`,
      advice: 'Use it for tests only.',
    }
  }
  return { check, status: 'ok', found }
}

const refused: readonly { readonly types: RegExp; readonly reason: string }[] = [
  {
    types: /^(nfs\d?|cifs|smb\d?|smbfs|ceph|fuse\.(sshfs|glusterfs|s3fs|gcsfuse|rclone))$/,
    reason:
      'over a network, locks and mapped pages are not those of one machine, and two hosts could write at once',
  },
  {
    types: /^(9p|virtiofs|fuse\.(grpcfuse|osxfs)|drvfs|vboxsf|vmhgfs)$/,
    reason: 'a share of a host: mapped pages and syncs do not reach its disk as they should',
  },
  {
    types: /^(overlay|overlayfs|aufs)$/,
    reason: 'the writable layer of a container: it is gone with the container, and so is the log',
  },
]

/** `36 35 98:0 /root /mount/point options optional… - type source options`, octal escapes in paths (proc(5)). */
function parseMount(line: string): Mount | undefined {
  const fields = line.split(' ')
  const separator = fields.indexOf('-', 6)
  const [at, type] = [fields[4], fields[separator + 1]]
  if (separator === -1 || at === undefined || type === undefined) return undefined
  return {
    at: at.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    type,
  }
}

function isBelow(folder: string, mount: string): boolean {
  return mount === '/' || folder === mount || folder.startsWith(`${mount}/`)
}
