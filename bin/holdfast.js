#!/usr/bin/env node
// The first lines run on any Node that knows import(), so that an old one is told what is wrong in one sentence.
var wanted = '^22.22.0 || >=24.6.0'
var found = process.versions.node.split('.').map(Number)
var major = found[0]
var minor = found[1]
if ((major === 22 && minor >= 22) || (major === 24 && minor >= 6) || major > 24) {
  void import('./launch.js').then(function (launch) {
    return launch.default()
  })
} else {
  process.stderr.write(
    'holdfast: needs Node ' +
      wanted +
      ', this is ' +
      process.versions.node +
      '. Install a newer Node from https://nodejs.org and run the command again.\n',
  )
  process.exitCode = 1
}
