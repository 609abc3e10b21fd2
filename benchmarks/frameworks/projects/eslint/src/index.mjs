import path from 'node:path'
import fs from 'node:fs'

export function read(name) {
  return new Promise((resolve, reject) => {
    fs.readFile(path.join('.', name), (error, text) => error ? reject(error) : resolve(String(text).match(/[0-9]+/g)))
  })
}
