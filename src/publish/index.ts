export { draftEvent, type PublishOptions } from './draft.ts'
export { publisher, type Published, type Publisher } from './publisher.ts'
