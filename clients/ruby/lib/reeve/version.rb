# SPDX-License-Identifier: MIT
module Reeve
  VERSION = '0.1.0'.freeze
end
