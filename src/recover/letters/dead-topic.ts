/** Group names hold no dot, so the parts of the name can be told apart from the right. */
export function deadTopicOf(topic: string, group: string): string {
  return `${topic}.${group}.dead`
}

/** The topic and group whose letters a topic holds; undefined for any other topic. */
export function originOf(deadTopic: string): { readonly topic: string; readonly group: string } | undefined {
  const [, topic, group] = /^(.+)\.([^.]+)\.dead$/.exec(deadTopic) ?? []
  return topic === undefined || group === undefined ? undefined : { topic, group }
}

/** Topics that users declare must not look like ours. */
export function isLaneOrDeadTopic(topic: string): boolean {
  return topic.endsWith('.dead') || topic.endsWith('.retry')
}
