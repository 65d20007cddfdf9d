import { render } from 'preact'
import type { ReportData } from '../../src/report/report-data.ts'
import '../style.css'
import { Report } from './report.tsx'

const data = JSON.parse(document.querySelector('#data')?.textContent ?? '') as ReportData
const root = document.querySelector('#report')
if (root !== null) {
  // What stands there is for readers without scripts.
  root.replaceChildren()
  render(<Report data={data} />, root)
}
