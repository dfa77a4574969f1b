# SPDX-License-Identifier: MIT
# Reads and edits an XML configuration: attributes, elements, new nodes, XPath, and writes it again.
[xml]$config = @'
<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <appSettings>
    <add key="Mode" value="test" />
    <add key="Retries" value="3" />
  </appSettings>
  <servers>
    <server name="web1" enabled="true"><port>80</port><port>443</port></server>
    <server name="web2" enabled="false"><port>8080</port></server>
  </servers>
  <note>free &amp; easy</note>
</configuration>
'@
$config.DocumentElement.Name
$config.configuration.appSettings.add | ForEach-Object { "$($_.key)=$($_.value)" }
($config.configuration.appSettings.add | Where-Object key -eq 'Mode').value = 'production'
$config.configuration.servers.server.Count
foreach ($server in $config.configuration.servers.server) {
    '{0} {1} ports: {2}' -f $server.name, ([bool]::Parse($server.enabled) ? 'on' : 'off'), ($server.port -join ',')
}
$config.configuration.note
$node = $config.CreateElement('add')
$node.SetAttribute('key', 'Timeout')
$node.SetAttribute('value', '30')
$null = $config.configuration.appSettings.AppendChild($node)
$config.SelectNodes('//add').Count
$config.SelectSingleNode("//server[@name='web2']").enabled = 'true'
(Select-Xml -Xml $config -XPath '//server[@enabled="true"]').Node.name -join ' '
(Select-Xml -Xml $config -XPath '//port[. > 100]').Node.InnerText -join ' '
$gone = $config.SelectSingleNode("//add[@key='Retries']")
$null = $gone.ParentNode.RemoveChild($gone)
$config.configuration.appSettings.add.key -join ','
$config.Save("$PWD/config.xml")
$again = [xml](Get-Content config.xml -Raw)
$again.configuration.appSettings.ChildNodes.Count
$again.configuration.appSettings.OuterXml
@([pscustomobject]@{ Name = 'a'; Size = 1 }, [pscustomobject]@{ Name = 'b & c'; Size = $null }) | ConvertTo-Xml -As String -NoTypeInformation
try { [xml]'<a><b></a>' } catch { $_.FullyQualifiedErrorId }
