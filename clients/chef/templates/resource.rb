# SPDX-License-Identifier: MIT
# Made from the schema of @@CLASS@@ by clients/chef/generate.rb.
unified_mode true
provides :@@RESOURCE@@, target_mode: true
resource_name :@@RESOURCE@@
description @@DESCRIPTION@@

@@PROPERTIES@@

KEYS = @@KEYS@@.freeze unless const_defined?(:KEYS, false)
VALUES = @@VALUES@@.freeze unless const_defined?(:VALUES, false)
SECRETS = @@SECRETS@@.freeze unless const_defined?(:SECRETS, false)

load_current_value do |wanted|
  now = ReeveCookbook.client(wanted).get('@@CLASS@@', ReeveCookbook.keys(wanted), properties: ReeveCookbook.given(wanted, VALUES).keys + KEYS.keys)
  current_value_does_not_exist! unless now
  now = ReeveCookbook.judged(wanted, '@@CLASS@@', now)
  VALUES.each { |theirs, ours| send(ours, now[theirs]) unless now[theirs].nil? }
end

action_class do
  def reeve_invoke(method)
    converge_by("call #{method} of @@CLASS@@ #{new_resource.object_name}") do
      ReeveCookbook.client(new_resource).invoke('@@CLASS@@', method, ReeveCookbook.keys(new_resource))
    end
  end
end

action :set, description: 'Makes it as the properties say; makes it if it is not there.' do
  converge_if_changed(*VALUES.values.map(&:to_sym)) do # what cannot be read is no difference
    given = ReeveCookbook.given(new_resource, VALUES.merge(SECRETS))
    ReeveCookbook.client(new_resource).set('@@CLASS@@', ReeveCookbook.keys(new_resource), given)
  end
end

action :remove, description: 'Sees that it is not there.' do
  if current_resource
    converge_by("remove @@CLASS@@ #{new_resource.object_name}") do
      ReeveCookbook.client(new_resource).set('@@CLASS@@', ReeveCookbook.keys(new_resource), {}, ensure: :absent)
    end
  end
end

@@ACTIONS@@
