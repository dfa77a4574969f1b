# SPDX-License-Identifier: MIT
#
# Against the host that $REEVE_TEST_SSH (an ssh_config) calls reeve-host, and this one at $REEVE_SOCKET.
require 'minitest/autorun'
require 'train-reeve'

module Common
  def teardown
    @c&.close
  end

  def test_commands
    r = @c.run_command("printf '%s|' 'a b' \"c'd\" ä; echo oh dear >&2; exit 3")
    assert_equal ["a b|c'd|ä|", "oh dear\n", 3], [r.stdout, r.stderr, r.exit_status]
    assert_equal 0, @c.run_command('true').exit_status
    assert_equal "0\n", @c.run_command("printf 'x%.0s' $(seq 200000) | wc -c | tr -d 0-9; echo 0").stdout.lines.last
    assert_equal 200_000, @c.run_command("printf 'x%.0s' $(seq 200000)").stdout.length
    assert_equal '', @c.run_command('cat').stdout # no input, no hanging
  end

  def test_one_command_leaves_nothing_to_the_next
    assert_equal 7, @c.run_command('cd /usr; x=1; exit 7').exit_status
    assert_equal "#{@c.run_command('pwd').stdout.chomp}-\n", @c.run_command('echo "$(pwd)-$x"').stdout
    flag = "/tmp/reeve-late.#{$$}"
    @c.run_command("(sleep 0.2; echo late; touch #{flag}) &")
    600.times { File.exist?(flag) ? break : sleep(0.05) }
    File.unlink(flag)
    assert_equal "now\n", @c.run_command('echo now').stdout
    assert_equal "it's \\n \"x\" $HOME `id`\n", @c.run_command(%q(printf '%s\n' "it's \\\\n \\"x\\" \$HOME \`id\`")).stdout
    r = @c.run_command('cat /etc/hostname /nonexistent')
    assert_equal [1, File.read('/etc/hostname')], [r.exit_status, r.stdout]
    assert_includes r.stderr, '/nonexistent'
    assert_equal 2, @c.run_command('if then').exit_status # no command at all
    assert_equal "\xff\n".b, @c.run_command("printf '\\377\\n'").stdout.b
  end

  def test_platform
    assert @c.os.linux?
    assert_equal RUBY_PLATFORM[/\A[^-]+/], @c.os.arch
    assert_equal File.read('/etc/os-release')[/^ID=(.*)$/, 1], @c.os.name
  end

  def test_files
    f = @c.file('/etc/passwd')
    assert f.exist?
    assert_equal File.read('/etc/passwd'), f.content
    assert_equal 'root', f.owner
    refute @c.file('/nonexistent').exist?
  end

  def test_the_agents_objects
    assert_operator @c.reeve.instances('Mount', properties: ['Name']).length, :>, 0
  end

  def test_many_commands_are_quick
    begin_ = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    50.times { |i| assert_equal "#{i}\n", @c.run_command("echo #{i}").stdout }
    assert_operator Process.clock_gettime(Process::CLOCK_MONOTONIC) - begin_, :<, 10
  end
end

class TestSsh < Minitest::Test
  include Common

  def setup
    @c = Train.create('reeve', host: 'reeve-host', ssh_config: ENV.fetch('REEVE_TEST_SSH')).connection
  end

  def test_uri
    assert_equal 'reeve://reeve-host', @c.uri
  end
end

class TestLocal < Minitest::Test
  include Common

  def setup
    @c = Train.create('reeve').connection
  end
end
