# SPDX-License-Identifier: MIT
require 'train'
require 'train/plugins'
require 'reeve'
require_relative 'train-reeve/shell'
require_relative 'train-reeve/connection'
require_relative 'train-reeve/transport'
