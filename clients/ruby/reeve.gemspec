# SPDX-License-Identifier: MIT
require_relative 'lib/reeve/version'

Gem::Specification.new do |s|
  s.name = 'reeve'
  s.version = Reeve::VERSION
  s.summary = 'Client of the reeve agent: a host\'s objects by JSON-RPC over a Unix socket, SSH or a pipe'
  s.authors = ['The reeve authors']
  s.license = 'MIT'
  s.files = Dir['lib/**/*.rb'] + ['README.md']
  s.required_ruby_version = '>= 2.7'
end
