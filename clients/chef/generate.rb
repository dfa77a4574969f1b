#!/usr/bin/env ruby
# SPDX-License-Identifier: MIT
#
# Writes the cookbook `reeve` into a folder: a resource for every class of an agent that can be changed, made from its schema, and the
# client beside them, so that the cookbook needs no gem.
#
#   ruby clients/chef/generate.rb OUT [AGENT]       AGENT: as Reeve.connect takes it; this host's when absent
require 'fileutils'
require 'json'
require_relative '../ruby/lib/reeve'

module Generate
  # Names that every resource of Chef has already.
  TAKEN = %w[action actions name notifies subscribes not_if only_if retries retry_delay sensitive timeout umask ignore_failure
             run_context cookbook_name recipe_name resource_name declared_type params node updated description].freeze
  TYPES = { 'boolean' => '[true, false]', 'string' => 'String', 'datetime' => 'String', 'real32' => '[Float, Integer]',
            'real64' => '[Float, Integer]' }.freeze

  module_function

  def snake(name)
    name.gsub(/([a-z0-9])([A-Z])/, '\1_\2').gsub(/([A-Z]+)([A-Z][a-z])/, '\1_\2').downcase
  end

  def property_name(class_name, property)
    s = snake(property)
    TAKEN.include?(s) ? "#{snake(class_name).split('_').last}_#{s}" : s
  end

  def type_of(property)
    return 'Hash' if property['Map']
    return 'Array' if property['IsArray']

    TYPES.fetch(property['Type'], 'Integer')
  end

  def writable?(property)
    property['Write'] && !property['Key'] && !property['Identifies'] && property['Type'] != 'object'
  end

  # What a recipe names an object by: its name, where it has one beside its id.
  def keys_of(info)
    named = info['Properties'].select { |p| p['Identifies'] && p['Write'] }
    named.empty? ? info['Properties'].select { |p| p['Key'] } : named
  end

  def property_line(class_name, property, identity)
    name = identity ? 'object_name' : property_name(class_name, property['Name'])
    options = []
    options << 'name_property: true, identity: true' if identity
    options << "equal_to: #{property['ValueMap'].inspect}" if property['ValueMap'] && property['Type'] == 'string' && !property['IsArray']
    options << 'sensitive: true' if property['Secret']
    options << "description: #{property['Description'].to_s.inspect}"
    "property :#{name}, #{type_of(property)}, #{options.join(', ')}"
  end

  # Methods that can be called without arguments and answer nothing become actions, for notifications.
  def actions_of(info)
    (info['Methods'] || []).reject do |m|
      m['Static'] || m['ReadOnly'] || %w[Delete Remove].include?(m['Name']) || (m['Parameters'] || []).any? { |p| (p['Required'] && p['In']) || p['Out'] }
    end
  end

  def resource(info)
    name = info['ClassName']
    keys = keys_of(info)
    writable = info['Properties'].select { |p| writable?(p) }
    first, *others = keys
    lines = [property_line(name, first, true)]
    lines += (others + writable).map { |p| property_line(name, p, false) }
    key_map = { first['Name'] => 'object_name' }.merge(others.to_h { |p| [p['Name'], property_name(name, p['Name'])] })
    values = writable.reject { |p| p['Secret'] }.to_h { |p| [p['Name'], property_name(name, p['Name'])] }
    secrets = writable.select { |p| p['Secret'] }.to_h { |p| [p['Name'], property_name(name, p['Name'])] }
    fill(info, lines, key_map, values, secrets)
  end

  def fill(info, lines, keys, values, secrets)
    actions = actions_of(info).map do |m|
      "action :#{snake(m['Name'])}, description: #{m['Description'].to_s.inspect} do\n  reeve_invoke('#{m['Name']}')\nend\n"
    end
    File.read(File.join(__dir__, 'templates', 'resource.rb'))
        .gsub('@@CLASS@@', info['ClassName']).gsub('@@RESOURCE@@', "reeve_#{snake(info['ClassName'])}")
        .gsub('@@DESCRIPTION@@') { info['Description'].to_s.inspect }
        .gsub('@@PROPERTIES@@') { lines.join("\n") }
        .gsub('@@KEYS@@') { keys.inspect }.gsub('@@VALUES@@') { values.inspect }.gsub('@@SECRETS@@') { secrets.inspect }
        .gsub('@@ACTIONS@@') { actions.join("\n") }
  end

  # The client's files as one library, loaded once.
  def client
    lib = File.join(__dir__, '..', 'ruby', 'lib')
    parts = %w[reeve/version reeve/error reeve/transport reeve/client reeve].map { |f| File.read(File.join(lib, "#{f}.rb")) }
    text = parts.join.gsub(/^require_relative .*\n/, '').gsub(/^# SPDX.*\n/, '')
    "# SPDX-License-Identifier: MIT\n# Made from clients/ruby by clients/chef/generate.rb.\nunless defined?(Reeve::Client)\n#{text}end\n"
  end

  def run(out, target)
    infos = Reeve.connect(target) do |r|
      r.call('EnumerateClasses')['Classes'].reject { |c| c['Abstract'] || c['Qualifiers']&.key?('ViewOf') }
    end
    changeable = infos.select { |c| keys_of(c).any? && c['Properties'].any? { |p| p['Write'] && !p['Key'] } }
    %w[libraries resources].each { |d| FileUtils.mkdir_p(File.join(out, d)) }
    File.write(File.join(out, 'metadata.rb'), File.read(File.join(__dir__, 'templates', 'metadata.rb')).sub('@@VERSION@@', Reeve::VERSION))
    File.write(File.join(out, 'libraries', 'client.rb'), client)
    FileUtils.cp(File.join(__dir__, 'templates', 'helper.rb'), File.join(out, 'libraries', 'helper.rb'))
    changeable.each { |c| File.write(File.join(out, 'resources', "#{snake(c['ClassName'])}.rb"), resource(c)) }
    changeable.map { |c| "reeve_#{snake(c['ClassName'])}" }
  end
end

if $PROGRAM_NAME == __FILE__
  abort "usage: #{$PROGRAM_NAME} OUT [AGENT]" if ARGV.empty?
  puts Generate.run(ARGV[0], ARGV[1])
end
