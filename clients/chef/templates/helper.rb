# SPDX-License-Identifier: MIT
#
# What the resources share: the client of this run, and the properties as the agent names them.
module ReeveCookbook
  module_function

  # In target mode the transport's own (train-reeve); else this host's agent, or what node['reeve']['agent'] says. One a run.
  def client(resource)
    context = resource.run_context
    context.node.run_state[:reeve] ||= begin
      transport = context.respond_to?(:transport_connection) ? context.transport_connection : nil
      if transport.respond_to?(:reeve)
        transport.reeve
      else
        Reeve.connect(context.node.read('reeve', 'agent'))
      end
    end
  end

  def given(resource, names)
    names.select { |_, ours| resource.property_is_set?(ours) }.transform_values { |ours| resource.send(ours) }
  end

  # What is another value and means the same (a port written otherwise, a label beside others) is so already: the agent knows.
  def judged(resource, class_name, now)
    unequal = given(resource, resource.class::VALUES).reject { |theirs, value| now[theirs] == value }
    return now if unequal.empty?

    changed = client(resource).test(class_name, keys(resource), unequal)['Changed'].map { |c| c['Property'] }
    now.merge(unequal.reject { |theirs, _| changed.include?(theirs) })
  end

  def keys(resource)
    resource.class::KEYS.transform_values { |ours| resource.send(ours) }.compact
  end
end
