# SPDX-License-Identifier: MIT
module TrainPlugins
  module Reeve
    # reeve://user@host:port; without a host, this one.
    class Transport < Train.plugin(1)
      name 'reeve'
      option :host
      option :user
      option :port
      option :key_files
      option :ssh_config
      option :socket

      def connection(_options = nil)
        @connection ||= Connection.new(@options)
      end
    end
  end
end
