# SPDX-License-Identifier: MIT
require 'json'

module Reeve
  # One connection to one agent. Not for several threads at once.
  class Client
    GRACE = 15 # seconds beyond a call's own deadline until the agent counts as hung
    MOST_BATCH = 100

    def initialize(transport)
      @transport = transport
      @id = 0
    end

    def close
      @transport.close
    end

    # One operation; the result, or CallError.
    def call(method, params = {}, &progress)
      id = send_request(method, params)
      value_of(wait_for(id, params, &progress))
    end

    # [[method, params], ...]: results in the same order; a CallError stands where one failed.
    def batch(calls)
      calls.each_slice(MOST_BATCH).flat_map { |slice| batch_of(slice) }
    end

    # ---- reading ----
    # All instances, or PartialError; with a block one by one as they come, in constant memory.
    def instances(class_name, properties: nil, filter: nil, order: nil, limit: nil, timeout: nil, &each)
      params = given(ClassName: class_name, PropertyList: properties, Filter: filter, OrderBy: order, Limit: limit, Timeout: timeout)
      return whole(call('EnumerateInstances', params)) unless each

      whole(call('EnumerateInstances', params.merge('partialResultToken' => 'rows')) { |rows| rows.each(&each) })
      nil
    end

    # One object by its keys; nil when there is none.
    def get(class_name, keys = nil, properties: nil, timeout: nil)
      call('GetInstance', given(ClassName: class_name, InstanceName: keys, PropertyList: properties, Timeout: timeout))
    rescue CallError => e
      raise unless e.not_found?
    end

    def query(text, language: nil, timeout: nil)
      call('ExecQuery', given(Query: text, QueryLanguage: language, Timeout: timeout)).then { |r| whole(r) }
    end

    # ---- changing ----
    def test(class_name, keys, properties = {}, ensure: nil, **more)
      call('TestInstance', desired(class_name, keys, properties, binding.local_variable_get(:ensure), **more))
    end

    def set(class_name, keys, properties = {}, ensure: nil, what_if: nil, request_key: nil, **more)
      params = desired(class_name, keys, properties, binding.local_variable_get(:ensure), **more)
      call('SetInstance', params.merge(given(WhatIf: what_if, RequestKey: request_key)))
    end

    def invoke(class_name, method, keys = nil, arguments = {}, what_if: nil, request_key: nil, timeout: nil)
      call('InvokeMethod', given(ClassName: class_name, MethodName: method, InstanceName: keys, InParameters: arguments,
                                 WhatIf: what_if, RequestKey: request_key, Timeout: timeout))
    end

    def test_document(document, timeout: nil)
      call('TestDesiredState', given(Document: document, Timeout: timeout))
    end

    def set_document(document, what_if: nil, on_failure: nil, request_key: nil, timeout: nil)
      call('SetDesiredState', given(Document: document, WhatIf: what_if, OnFailure: on_failure, RequestKey: request_key, Timeout: timeout))
    end

    # ---- what there is ----
    def hello
      call('Hello')
    end

    def classes
      call('EnumerateClasses', 'NamesOnly' => true)['Classes']
    end

    def class_info(name)
      call('GetClass', 'ClassName' => name)
    end

    private

    def whole(result)
      raise PartialError.new(result['Partial'].first, result['Instances']) if result['Partial']

      result['Instances']
    end

    def given(**params)
      params.compact.transform_keys(&:to_s)
    end

    def desired(class_name, keys, properties, how, timeout: nil)
      given(ClassName: class_name, InstanceName: keys, Properties: properties, Ensure: how && how.to_s.capitalize, Timeout: timeout)
    end

    def message(method, params)
      { 'jsonrpc' => '2.0', 'id' => (@id += 1), 'method' => method, 'params' => params }
    end

    def send_request(method, params)
      m = message(method, params)
      @transport.write("#{JSON.generate(m)}\n")
      m['id']
    end

    def deadline(params)
      seconds = params.is_a?(Hash) ? (params['Timeout'] || params[:Timeout] || 30) : 30
      Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds + GRACE
    end

    def read(deadline)
      JSON.parse(@transport.gets(deadline))
    rescue JSON::ParserError
      raise ConnectionError, 'what answers is no agent'
    end

    def wait_for(id, params)
      until_ = deadline(params)
      loop do
        m = read(until_)
        return m if m.is_a?(Hash) && m['id'] == id

        yield m['params']['value'] if block_given? && m.is_a?(Hash) && m['method'] == '$/progress'
      end
    end

    def value_of(answer)
      raise CallError, answer['error'] if answer['error']

      answer['result']
    end

    def batch_of(calls)
      messages = calls.map { |method, params| message(method, params || {}) }
      @transport.write("#{JSON.generate(messages)}\n")
      until_ = messages.map { |m| deadline(m['params']) }.max
      answers = read(until_) until answers.is_a?(Array)
      by_id = answers.to_h { |a| [a['id'], a] }
      messages.map do |m|
        value_of(by_id.fetch(m['id']) { raise ConnectionError, 'the agent left out an answer of a batch' })
      rescue CallError => e
        e
      end
    end
  end
end
