# SPDX-License-Identifier: MIT
#
# Ohai plugin: what the agent says of the host, in one round trip; in target mode through train-reeve.
Ohai.plugin(:Reeve) do
  provides 'reeve'

  REEVE_CLASSES = %w[OperatingSystem Mount NetAdapter NetIPAddress Service LocalUser].freeze unless defined?(REEVE_CLASSES)

  def gather(client)
    answers = client.batch(REEVE_CLASSES.map { |c| ['EnumerateInstances', { ClassName: c }] })
    reeve Mash.new
    reeve['agent'] = client.hello
    REEVE_CLASSES.zip(answers) do |name, answer|
      rows = answer.is_a?(Reeve::Error) ? nil : answer['Instances']
      reeve[name] = name == 'OperatingSystem' && rows ? rows.first : rows if rows
    end
  end

  collect_data(:default) do
    require 'reeve'
    begin
      Reeve.connect(ENV['REEVE_AGENT']) { |client| gather(client) }
    rescue Reeve::Error => e
      logger.debug("Plugin Reeve: #{e.message}")
    end
  end

  collect_data(:target) do
    require 'reeve'
    gather(transport_connection.reeve) if transport_connection.respond_to?(:reeve)
  end
end
