# SPDX-License-Identifier: MIT
#
# Client of the reeve agent. No dependencies; net-ssh only where it is asked for.
#
#   Reeve.connect { |r| puts r.get('Service', { Name: 'ssh' })['State'] }           # this host
#   Reeve.connect('ssh://admin@web1') { |r| r.set('Service', { Name: 'nginx' }, { State: 'Running' }) }
require_relative 'reeve/version'
require_relative 'reeve/error'
require_relative 'reeve/transport'
require_relative 'reeve/client'

module Reeve
  # target: nil (this host), a socket's path, ssh://user@host:port, or a command as an array. With a block the connection
  # ends with it.
  def self.connect(target = nil, **options)
    client = Client.new(Transport.open(target, **options))
    return client unless block_given?

    begin
      yield client
    ensure
      client.close
    end
  end
end
