import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { noOwnKafka, ownKafka, type KafkaCluster } from './kafka.ts'

/** A broker that lets nobody do anything without an ACL, but for the plain listener `brokers`, whose clients may all. */
export interface SecureKafka extends KafkaCluster {
  /**
   * TLS with SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 for {@link users}, and OAUTHBEARER for whoever a token names that
   * nobody has signed. Who logs in by a token has to do so again every two seconds.
   */
  readonly sasl: string
  /** TLS with a client certificate; the user is its common name. */
  readonly mutual: string
  /** Password by name. */
  readonly users: Readonly<Record<string, string>>
  /** Certificate of the authority that signed the broker's, PEM. */
  readonly ca: string
  /** Another one, which signed nothing here. */
  readonly foreignCa: string
  /** Key and certificate of the user `carl`, PEM. */
  readonly carl: { readonly key: string; readonly cert: string }
  /** Adds ACLs with the options of Kafka's own program, such as `['--producer', '--topic', 't']`. */
  allow(users: readonly string[], ...what: readonly string[]): Promise<void>
}

/** Why there is none here; undefined where there is one. The certificates are made by openssl. */
export const noSecureKafka: string | undefined =
  noOwnKafka ?? (spawnSync('openssl', ['version']).status === 0 ? undefined : 'certificates need openssl')

/** One node. Gone when the test ends. */
export async function secureKafka(): Promise<SecureKafka> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-certificates-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const certificates = await makeCertificates(folder)
  const users = { ada: 'lovelace', bob: 'builder' }
  const kafka = await ownKafka({
    users,
    listeners: [
      { name: 'SECURE', protocol: 'SASL_SSL' },
      { name: 'MUTUAL', protocol: 'SSL' },
    ],
    properties: { ...tls(certificates), ...sasl(users), ...acls },
  })
  return {
    ...kafka,
    users,
    sasl: kafka.brokersOf('SECURE'),
    mutual: kafka.brokersOf('MUTUAL'),
    ca: read(certificates.authority.cert),
    foreignCa: read(certificates.stranger.cert),
    carl: { key: read(certificates.carl.key), cert: read(certificates.carl.cert) },
    async allow(users, ...what) {
      const principals = users.flatMap(user => ['--allow-principal', `User:${user}`])
      const args = ['--bootstrap-server', kafka.brokers, '--add', ...principals, ...what]
      const { code, stderr, stdout } = await kafka.tool('org.apache.kafka.tools.AclCommand', args)
      if (code !== 0) throw new Error(`no ACL: ${stderr}${stdout}`)
    },
  }
}

function tls({ broker, authority }: Certificates): Record<string, string> {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': broker.both,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': authority.cert,
    'listener.name.mutual.ssl.client.auth': 'required',
    'listener.name.mutual.ssl.principal.mapping.rules': 'RULE:^CN=([^,]+).*$/$1/,DEFAULT',
  }
}

function sasl(users: Readonly<Record<string, string>>): Record<string, string> {
  const modules = 'org.apache.kafka.common.security'
  const plain = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`)
  return {
    'listener.name.secure.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'listener.name.secure.plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required ${plain.join(' ')};`,
    'listener.name.secure.scram-sha-256.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    'listener.name.secure.scram-sha-512.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    'listener.name.secure.oauthbearer.sasl.jaas.config': `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    'listener.name.secure.oauthbearer.connections.max.reauth.ms': '2000',
  }
}

const acls = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  // Who comes by the plain listener: the broker itself, and the test as its administrator.
  'super.users': 'User:ANONYMOUS',
}

/** Paths of PEM files. */
interface Certificate {
  readonly key: string
  readonly cert: string
  /** Key and certificate in one, as Kafka takes them. */
  readonly both: string
}

type Certificates = Readonly<Record<'authority' | 'stranger' | 'broker' | 'carl', Certificate>>

async function makeCertificates(folder: string): Promise<Certificates> {
  const config = join(folder, 'openssl.cnf')
  writeFileSync(config, '[req]\ndistinguished_name=name\n[name]\n')
  const make = async (name: string, ...more: readonly string[]): Promise<Certificate> => {
    const [key, cert, both] = ['key', 'crt', 'pem'].map(end => join(folder, `${name}.${end}`)) as [
      string,
      string,
      string,
    ]
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-keyout', key]
    const args = ['req', '-x509', '-config', config, '-subj', `/CN=${name}`, '-days', '30', '-out', cert]
    await promisify(execFile)('openssl', [...args, ...newKey, ...more])
    writeFileSync(both, read(key) + read(cert))
    return { key, cert, both }
  }
  const authority = ['-addext', 'basicConstraints=critical,CA:TRUE']
  const [ca, stranger] = await Promise.all([make('authority', ...authority), make('stranger', ...authority)])
  const signed = ['-CA', ca.cert, '-CAkey', ca.key, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const [broker, carl] = await Promise.all([make('broker', ...signed), make('carl', ...signed)])
  return { authority: ca, stranger, broker, carl }
}

function read(file: string): string {
  return readFileSync(file, 'utf8')
}
