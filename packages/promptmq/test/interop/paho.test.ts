/** Debian's paho-mqtt for Python against a broker that listens, feature by feature. */
import { paho } from './paho.ts'
import { testLibrary } from './suite.ts'

testLibrary(paho)
