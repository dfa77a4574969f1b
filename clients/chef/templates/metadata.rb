# SPDX-License-Identifier: MIT
name 'reeve'
maintainer 'The reeve authors'
license 'MIT'
description 'Objects of a host through the reeve agent: here, or over SSH in target mode'
version '@@VERSION@@'
chef_version '>= 17.0'
