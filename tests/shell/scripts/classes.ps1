# SPDX-License-Identifier: MIT
# Classes and enums: overloads, base calls, validation, exceptions, casts, interfaces, statics.
class Animal {
    [string]$Name
    hidden [int]$Secret = 3
    static [int]$Count = 0
    [ValidateRange(0,50)][int]$Age
    Animal([string]$n) { $this.Name = $n; [Animal]::Count++ }
    Animal([int]$n) { $this.Name = "no$n" }
    [string]Speak() { 'junk'; return "$($this.Name) makes a sound" }
    [int]Twice([int]$x) { return $x * 2 }
    [string]Twice([string]$x) { return "$x$x" }
    Nothing() { 'lost' }
    [object]GetNull() { return $null }
    [int[]]Arr() { return @(1) }
}
class Dog : Animal {
    [string]$Breed = 'mutt'
    Dog([string]$n) : base($n) { }
    [string]Speak() { return ([Animal]$this).Speak() + ' woof' }
    [string]ToString() { return "Dog:$($this.Name)" }
}
$d = [Dog]::new('Rex')
$d.Speak()
"$d"
[Animal]::Count
$d.Twice(4); $d.Twice('ab')
$d
$d | Get-Member -MemberType Property | % Name
try { $d.Age = 60 } catch { $_.Exception.Message; $_.FullyQualifiedErrorId }
try { $d.Age = 'abc' } catch { $_.Exception.Message; $_.FullyQualifiedErrorId }
try { [Dog]::new() } catch { $_.Exception.Message; $_.FullyQualifiedErrorId }
try { [Dog]::new(1,2,3) } catch { $_.Exception.Message }
$d.Nothing() -eq $null
$d.Arr().GetType().Name
class MyErr : System.Exception { [int]$Code; MyErr([string]$m, [int]$c) : base($m) { $this.Code = $c } }
try { throw [MyErr]::new('bad', 7) } catch [MyErr] { "caught $($_.Exception.Message) $($_.Exception.Code)" }
class P : System.IComparable { [int]$V; P([int]$v) { $this.V = $v } [int]CompareTo([object]$o) { return $this.V - $o.V } [bool]Equals([object]$o) { return $this.V -eq $o.V } }
([P]::new(3),[P]::new(1),[P]::new(2) | Sort-Object).V -join ','
[P]::new(1) -eq [P]::new(1)
[P]::new(1) -lt [P]::new(2)
class Cfg { [string]$A; [int]$B = 5 }
$c = [Cfg]@{ A = 'x' }; "$($c.A) $($c.B)"
try { [Cfg]@{ Z = 1 } } catch { $_.Exception.Message; $_.FullyQualifiedErrorId }
$c -is [Cfg]; $c.GetType().Name; [Dog].BaseType.Name
class S { static [string]Hi([string]$n) { return "hi $n" } static S() { [S]::X = 9 } static [int]$X }
[S]::Hi('bob'); [S]::X
[Cfg]::new() | ConvertTo-Json -Compress
try { $d.NoSuch() } catch { $_.Exception.Message }
try { $d.Twice('a','b') } catch { $_.Exception.Message }
try { $c.B = 'x' } catch { $_.Exception.Message }
$c.A -eq $null; ([Cfg]::new()).A -eq $null
class Later : Base2 { [string]Who() { return 'later ' + ([Base2]$this).Who() } }
class Base2 { [string]Who() { return 'base' } }
[Later]::new().Who()
$d | Get-Member -Force -Name Secret | ForEach-Object Name
class T { [void]Boom() { throw 'boo' } T() {} T([int]$x) { throw "ctor $x" } }
try { [T]::new().Boom() } catch { $_.Exception.Message; $_.Exception.GetType().Name }
try { [T]::new(4) } catch { $_.Exception.Message }
enum Color { Red = 1; Green; Blue = 10 }
[Color]::Green; [int][Color]::Blue; [Color]'red'; [Color]2; [enum]::GetNames([Color]) -join ','
[Flags()] enum Perm { R = 1; W = 2; X = 4 }
[Perm]'R,W'; [Perm]5; ([Perm]::R -bor [Perm]::X); ([Perm]3).HasFlag([Perm]::W)
try { [Color]'purple' } catch { $_.Exception.Message }
$l = [System.Collections.Generic.List[Animal]]::new(); $l.Add($d); $l.Count
[Animal]$d | % { $_.GetType().Name }
function f([Animal]$a) { $a.GetType().Name }; f $d
$d.PSObject.Properties.Name -join ','
try { [datetime]::new(2024,13,1) } catch { $_.Exception.Message }
