# SPDX-License-Identifier: MIT
#
# Against the test agent at $REEVE_TEST_SOCKET (tests/agent) and a host at $REEVE_TEST_SSH (an ssh_config that names reeve-host).
require 'minitest/autorun'
require 'reeve'

module Common
  def test_hello
    assert_equal 'reeve', client.hello['Name'] || client.hello['Agent'] || 'reeve'
    assert_includes client.classes.map { |c| c.is_a?(Hash) ? c['ClassName'] || c['Name'] : c }, some_class
  end

  def test_an_error_tells
    e = assert_raises(Reeve::CallError) { client.instances('Nix') }
    assert_equal 'INVALID_CLASS', e.status
    assert_match(/Nix/, e.message)
    refute e.retryable?
    assert_equal({}, client.call('Ping'))
  end

  def test_batch
    r = client.batch([['Ping'], ['GetClass', { ClassName: 'Nix' }], ['Ping']])
    assert_equal({}, r[0])
    assert_kind_of Reeve::CallError, r[1]
    assert_equal({}, r[2])
  end
end

class TestLocal < Minitest::Test
  include Common
  attr_reader :client

  def some_class
    'T_Item'
  end

  def setup
    @client = Reeve.connect(ENV.fetch('REEVE_TEST_SOCKET'))
  end

  def teardown
    @client.set('T_Item', { Name: 'fig' }, {}, ensure: :absent)
    @client.close
  end

  def test_desired_state
    r = client.test('T_Item', { Name: 'fig' }, { Amount: 3 })
    refute r['InDesiredState']
    assert client.set('T_Item', { Name: 'fig' }, { Amount: 3 }, what_if: true)['WhatIf']
    assert_nil client.get('T_Item', { Name: 'fig' })
    client.set('T_Item', { Name: 'fig' }, { Amount: 3 })
    assert_equal 3, client.get('T_Item', { Name: 'fig' }, properties: ['Amount'])['Amount']
    assert_equal({ 'InDesiredState' => true, 'Changed' => [] }, client.set('T_Item', { Name: 'fig' }, { Amount: 3 }))
  end

  def test_document
    d = { Resources: [{ Name: 'f', ClassName: 'T_Item', InstanceName: { Name: 'fig' }, Properties: { Amount: 4 } }] }
    assert_equal 'Drifted', client.test_document(d)['Resources'][0]['Status']
    back = client.set_document(d)['RollbackDocument']
    assert_equal 4, client.get('T_Item', { Name: 'fig' })['Amount']
    client.set_document(back)
    assert_nil client.get('T_Item', { Name: 'fig' })
  end

  def test_invoke
    client.set('T_Item', { Name: 'fig' }, { Amount: 3 })
    r = client.invoke('T_Item', 'Add', { Name: 'fig', Generation: 1 }, { By: 2 })
    assert_equal 0, r['ReturnValue']
    assert_equal 5, client.get('T_Item', { Name: 'fig' })['Amount']
  end

  def test_ten_thousand_rows_as_they_come
    n = 0
    client.instances('T_Many', properties: ['Id']) { n += 1 }
    assert_equal 10_000, n
    assert_equal 10_000, client.instances('T_Many', properties: ['Id']).length
    assert_equal 3, client.instances('T_Many', filter: 'Id < 4', order: 'Id DESC').length
  end

  def test_sql
    assert_equal [{ 'n' => 10_000 }], client.query('SELECT count(*) AS n FROM T_Many', language: 'SQL')
  end

  def test_a_large_batch
    assert_equal 250, client.batch([['Ping']] * 250).count({})
  end

  def test_utf8_and_64_bits
    client.set('T_Item', { Name: "fig" }, { Colour: 'red' })
    e = assert_raises(Reeve::CallError) { client.set('T_Item', { Name: 'fig' }, { Colour: "\u00e4" }) }
    assert_match(/\u00e4/, e.message)
    assert_equal 40_960_000, client.get('T_Many', { Id: 10_000 })['Size']
  end

  def test_a_deadline
    e = assert_raises(Reeve::PartialError) { client.instances('T_Hung', timeout: 0.3) }
    assert_equal 'TIMED_OUT', e.status
    assert_equal 3, e.instances.length
    e = assert_raises(Reeve::CallError) { client.get('T_Hung', { Id: 9 }, timeout: 0.3) }
    assert_equal 'TIMED_OUT', e.status
  end

  def test_an_agent_that_is_not_there
    e = assert_raises(Reeve::ConnectionError) { Reeve.connect('/nonexistent/agent.sock') }
    assert_match(%r{/nonexistent/agent.sock}, e.message)
    assert_raises(ArgumentError) { Reeve.connect('http://x') }
  end

  def test_what_answers_is_no_agent
    e = assert_raises(Reeve::ConnectionError) { Reeve.connect(['sh', '-c', 'read x; echo hello']).call('Ping') }
    assert_match(/no agent/, e.message)
    e = assert_raises(Reeve::ConnectionError) { Reeve.connect(['sh', '-c', 'echo oh dear >&2; exit 3']).call('Ping') }
    assert_match(/status 3.*oh dear/, e.message)
    assert_raises(Reeve::ConnectionError) { Reeve.connect(['/nonexistent/program']) }
  end
end

class TestStdio < Minitest::Test
  include Common
  attr_reader :client

  def some_class
    'Process'
  end

  def setup
    @client = Reeve.connect([ENV.fetch('REEVE_TEST_PROGRAM'), 'rpc'])
  end

  def teardown
    @client.close
  end

  def test_own_process
    assert_equal 'ruby', client.get('Process', { ProcessId: Process.pid })['Name']
  end
end

class TestSsh < Minitest::Test
  include Common
  attr_reader :client

  def some_class
    'Process'
  end

  def setup
    skip 'no SSH host' unless ENV['REEVE_TEST_SSH']
    @client = Reeve.connect('ssh://reeve-host', config: ENV['REEVE_TEST_SSH'])
  end

  def teardown
    @client&.close
  end

  def test_by_command
    Reeve.connect('ssh://reeve-host', config: ENV['REEVE_TEST_SSH'], command: 'reeve rpc') { |r| assert_equal({}, r.call('Ping')) }
  end

  def test_a_host_that_is_not_there
    r = Reeve.connect('ssh://nobody@127.0.0.1:1')
    e = assert_raises(Reeve::ConnectionError) { r.call('Ping') }
    assert_match(/refused/, e.message)
  end
end

class TestNetSsh < TestSsh
  def setup
    skip 'no SSH host' unless ENV['REEVE_TEST_SSH']
    begin
      require 'net/ssh'
      require 'x25519' # the only key exchange that the server offers and net-ssh knows
    rescue LoadError
      skip 'no net-ssh with x25519 (Debian: ruby-net-ssh; gem install x25519)'
    end
    @client = Reeve.connect('ssh://reeve-host', net_ssh: true, config: ENV['REEVE_TEST_SSH'])
  end

  def test_a_host_that_is_not_there
    e = assert_raises(Reeve::ConnectionError) { Reeve.connect('ssh://nobody@127.0.0.1:1', net_ssh: true) }
    assert_match(/refused/, e.message)
  end
end
