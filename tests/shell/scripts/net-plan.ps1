# SPDX-License-Identifier: MIT
# Subnet arithmetic: bits, shifts, conversions, ranges, validation of addresses.
function ConvertTo-Number {
    [OutputType([uint32])]
    param([Parameter(Mandatory, ValueFromPipeline)][ValidatePattern('^(\d{1,3}\.){3}\d{1,3}$')][string]$Address)
    process {
        [uint32]$n = 0
        foreach ($part in $Address.Split('.')) {
            if ([int]$part -gt 255) { throw [System.ArgumentOutOfRangeException]::new('Address', "part $part is too large") }
            $n = ($n -shl 8) -bor [byte]$part
        }
        $n
    }
}
function ConvertTo-Address([uint32]$Number) {
    (24, 16, 8, 0 | ForEach-Object { ($Number -shr $_) -band 0xFF }) -join '.'
}
function Get-Subnet {
    [CmdletBinding()]
    param([Parameter(Mandatory, ValueFromPipeline)][string]$Cidr)
    process {
        $address, [int]$bits = $Cidr -split '/'
        if ($bits -notin 0..32) { Write-Error "'$Cidr' has no valid prefix" -ErrorId BadPrefix; return }
        $mask = if ($bits) { [uint32]([uint32]::MaxValue -shl (32 - $bits)) } else { [uint32]0 }
        $network = (ConvertTo-Number $address) -band $mask
        $broadcast = $network -bor ([uint32]::MaxValue -bxor $mask)
        [pscustomobject][ordered]@{
            Network   = ConvertTo-Address $network
            Mask      = ConvertTo-Address $mask
            Broadcast = ConvertTo-Address $broadcast
            Hosts     = [math]::Max(0L, [long]$broadcast - $network - 1)
            Private   = @('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16').Where({ Test-InSubnet $address $_ }).Count -gt 0
        }
    }
}
function Test-InSubnet([string]$Address, [string]$Cidr) {
    $base, [int]$bits = $Cidr -split '/'
    $shift = 32 - $bits
    ((ConvertTo-Number $Address) -shr $shift) -eq ((ConvertTo-Number $base) -shr $shift)
}
'192.168.10.77/26', '10.1.2.3/8', '8.8.8.8/32' | Get-Subnet | Format-Table
Get-Subnet '1.2.3.4/40' -ErrorVariable bad -ErrorAction SilentlyContinue
$bad[0].FullyQualifiedErrorId
try { ConvertTo-Number '1.2.3' } catch { $_.FullyQualifiedErrorId }
try { ConvertTo-Number '1.2.3.300' } catch { $_.Exception.Message }
'{0:X8} {1} {2}' -f (ConvertTo-Number '10.0.0.1'), [convert]::ToString(10, 2).PadLeft(8, '0'), [convert]::ToInt32('ff', 16)
0xFF -band 0x0F; 6 -bxor 3; -bnot 0; 1 -shl 31; 1L -shl 40; -8 -shr 1
[int]'0x10', 0b1010, 1e2, 1kb, 1.5mb -join ' '
(1..5 | ForEach-Object { [math]::Pow(2, $_) }) -join ' '
[byte]$b = 200; try { $b = 300 } catch { 'too large' }; $b
[int]::TryParse('12x', [ref]$null); $out = 0; [int]::TryParse('12', [ref]$out); $out
[uint32]::MaxValue; [long]::MinValue; [int]::MaxValue + 1
'{0:N0} {0:e3} {0:x}' -f 65535
[math]::DivRem(17, 5, [ref]$out); $out
[System.Net.IPAddress]::Parse('127.0.0.1').AddressFamily.ToString()
[bitconverter]::ToString([byte[]](1, 171, 255))
[char[]]'AZ' | ForEach-Object { [int]$_ }
-join [char[]](72, 105)
