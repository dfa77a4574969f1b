# SPDX-License-Identifier: MIT
# Subnet arithmetic: network, broadcast, sizes, whether an address is inside, splitting.
function ConvertTo-Number([string]$Address) {
    $n = [uint32]0
    foreach ($part in $Address.Split('.')) { $n = ($n -shl 8) -bor [byte]$part }
    $n
}
function ConvertTo-Address([uint32]$Number) {
    (24, 16, 8, 0 | ForEach-Object { ($Number -shr $_) -band 0xff }) -join '.'
}
function Get-Subnet {
    param([Parameter(Mandatory, ValueFromPipeline)][ValidatePattern('^\d+(\.\d+){3}/\d+$')][string]$Cidr)
    process {
        $address, $bits = $Cidr -split '/'
        $mask = [uint32]([math]::Pow(2, 32) - [math]::Pow(2, 32 - [int]$bits))
        $network = (ConvertTo-Number $address) -band $mask
        $last = $network -bor (-bnot $mask)
        [pscustomobject]@{
            Cidr      = $Cidr
            Mask      = ConvertTo-Address $mask
            Network   = ConvertTo-Address $network
            Broadcast = ConvertTo-Address $last
            Hosts     = [math]::Max([long]$last - $network - 1, 0)
            PSTypeName = 'Subnet'
        }
    }
}
'10.1.2.3/8', '192.168.7.130/26', '172.16.5.4/30', '8.8.8.8/32' | Get-Subnet | Format-Table
$net = Get-Subnet 192.168.7.130/26
$net.PSObject.TypeNames[0]
function Test-Inside([string]$Address, [string]$Cidr) {
    $s = Get-Subnet $Cidr
    $n = ConvertTo-Number $Address
    $n -ge (ConvertTo-Number $s.Network) -and $n -le (ConvertTo-Number $s.Broadcast)
}
foreach ($a in '192.168.7.191', '192.168.7.192') { '{0} in {1}: {2}' -f $a, $net.Cidr, (Test-Inside $a $net.Cidr) }
function Split-Subnet([string]$Cidr, [int]$Bits) {
    $s = Get-Subnet $Cidr
    $first = ConvertTo-Number $s.Network
    $step = [uint32]1 -shl (32 - $Bits)
    for ($n = [long]$first; $n -le (ConvertTo-Number $s.Broadcast); $n += $step) { "$(ConvertTo-Address $n)/$Bits" }
}
(Split-Subnet 10.0.0.0/22 24) -join ' '
'0x{0:X8} {1}' -f (ConvertTo-Number 255.255.255.192), [convert]::ToString((ConvertTo-Number 255.255.255.192), 2)
try { Get-Subnet 'not/an/address' } catch { $_.Exception.Message.Split("`n")[0] }
[ipaddress]'10.0.0.1' -eq [ipaddress]::Parse('10.0.0.1')
([ipaddress]'192.168.1.10').GetAddressBytes() -join ','
