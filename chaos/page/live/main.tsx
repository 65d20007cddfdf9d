import { render } from 'preact'
import '../style.css'
import { Live } from './live.tsx'

const root = document.querySelector('#live')
if (root !== null) {
  const sent = [...root.childNodes]
  // What the server sent stays until the first state has come.
  const source = new EventSource('/events')
  source.addEventListener('state', () => sent.forEach(node => node.remove()), { once: true })
  const place = document.createElement('div')
  root.append(place)
  render(<Live source={source} />, place)
}
