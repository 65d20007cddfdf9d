export { publisher, type Published, type Publisher, type PublishOptions } from './publisher.ts'
