/** Where one node of a cluster listens, and keeps what is its own. */
export interface NodePlace {
  readonly id: number
  readonly host: string
  readonly folder: string
  /** By the name of the listener; `PLAINTEXT` for clients and brokers, `CONTROLLER` for the quorum. */
  readonly ports: Readonly<Record<string, number>>
}

/** One more listener on each node, such as `{ name: 'SECURE', protocol: 'SASL_SSL' }`. */
export interface ExtraListener {
  readonly name: string
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
}

export interface ClusterShape {
  readonly nodes: readonly NodePlace[]
  readonly listeners: readonly ExtraListener[]
  /** Go over everything that is set here. */
  readonly properties: Readonly<Record<string, string>>
}

/** The settings of one node: broker and controller in one process. Internal topics on all nodes, up to three. */
export function serverProperties(node: NodePlace, { nodes, listeners, properties }: ClusterShape): string {
  const own = [{ name: 'PLAINTEXT', protocol: 'PLAINTEXT' }, ...listeners]
  const at = (name: string): string => `${name}://${node.host}:${node.ports[name]}`
  const replicas = String(Math.min(nodes.length, 3))
  const inSync = nodes.length < 3 ? '1' : '2'
  const all: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': nodes
      .map(({ id, host, ports }) => `${id}@${host}:${ports['CONTROLLER']}`)
      .join(','),
    listeners: [...own.map(({ name }) => at(name)), at('CONTROLLER')].join(','),
    'advertised.listeners': own.map(({ name }) => at(name)).join(','),
    'listener.security.protocol.map': [
      ...own.map(({ name, protocol }) => `${name}:${protocol}`),
      'CONTROLLER:PLAINTEXT',
    ].join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    // From its working directory: a properties file holds no path with letters beyond Latin.
    'log.dirs': 'data',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    // Fifty by default, which a small machine takes seconds to make when the first group comes.
    'offsets.topic.num.partitions': '8',
    'group.initial.rebalance.delay.ms': '0',
    // A typo must not make a topic.
    'auto.create.topics.enable': 'false',
    ...properties,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
