# SPDX-License-Identifier: MIT
module Reeve
  # Whatever goes wrong.
  class Error < StandardError; end

  # The way to the agent has failed or ended: nothing is known of calls under way.
  class ConnectionError < Error; end

  # What the agent answered instead of a result.
  class CallError < Error
    attr_reader :code, :data

    def initialize(error)
      @code = error['code']
      @data = error['data'] || {}
      super([error['message'], @data['Hint']].compact.join('; '))
    end

    # The CIM status by name: NOT_FOUND, ACCESS_DENIED, ...; nil for JSON-RPC's own faults.
    def status
      data['Name']
    end

    def not_found?
      status == 'NOT_FOUND'
    end

    def denied?
      status == 'ACCESS_DENIED'
    end

    # Whether the same call may succeed later.
    def retryable?
      data['Retryable'] == true
    end
  end

  # Some of the instances could not be had: a provider failed or hung. Those that came are in `instances`.
  class PartialError < CallError
    attr_reader :instances

    def initialize(error, instances)
      super(error)
      @instances = instances
    end
  end
end
