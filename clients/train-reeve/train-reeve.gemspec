# SPDX-License-Identifier: MIT
Gem::Specification.new do |s|
  s.name = 'train-reeve'
  s.version = '0.1.0'
  s.summary = 'Train transport over the reeve agent: for Chef target mode, ohai --target and InSpec'
  s.authors = ['The reeve authors']
  s.license = 'MIT'
  s.files = Dir['lib/**/*.rb']
  s.required_ruby_version = '>= 2.7'
  s.add_dependency 'reeve', '~> 0.1'
  s.add_dependency 'train-core', '>= 3.0', '< 4'
end
